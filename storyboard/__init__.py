"""storyboard turns a written screenplay into a film with text-to-video models, and shoots again only what changed.

What a program needs is in `storyboard.api`; the command line is `storyboard.cli`.
"""
