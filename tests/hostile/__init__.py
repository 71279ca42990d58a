"""Files that mean harm, made in the tests, and the box in which heschl's readers meet them."""
