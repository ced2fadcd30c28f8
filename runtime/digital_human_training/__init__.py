"""
Training of the face network: speech made by synthesisers, targets from rules, gates.

Its results are committed; serving needs none of this.
"""
