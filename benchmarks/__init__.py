"""What storyboard's speed is measured by: ratios against what one would do otherwise, within one run of one machine.

`python -m benchmarks` runs them all; README.md says what each is. None of them is a test, and no test is timed.
"""
