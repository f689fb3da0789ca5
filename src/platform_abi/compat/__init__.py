"""From host reports and guest ABIs to verdicts: set inclusion, and nothing else.

Pure: reports and lockfiles are read before they come here, and verdicts are printed elsewhere.
"""
