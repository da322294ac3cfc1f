"""Messages about runs to the people who follow them."""
