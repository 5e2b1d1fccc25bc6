"""All devices see a room in the order of its history, slow and failing ones, too."""
