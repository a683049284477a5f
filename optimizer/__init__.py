"""What could be faster, and is this candidate right?"""
