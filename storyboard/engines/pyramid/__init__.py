"""Pyramid Flow by code of our own (Jin et al., Pyramidal Flow Matching for Efficient Video Generative Modeling, 2024).

Imports nothing: the engine is opened by its adapter, and only then is torch needed.
"""
