"""How do the models get better?"""
