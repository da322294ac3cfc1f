"""The HTTP endpoint of the pretend AWS: who calls, what is asked, how errors are answered."""
