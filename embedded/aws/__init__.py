"""The embedded stack's AWS: an emulator that enforces IAM, and what is in it.

``server`` starts it, ``emulator`` is the process, ``plan`` says who may read what, ``seed`` brings it about.
"""
