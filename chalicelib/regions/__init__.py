"""What crosses regions: the effect here of what other regions have written."""
