"""What crosses modules, in folders by the promise that a failure breaks."""
