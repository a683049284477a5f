"""Who asked, and what do we tell them?"""
