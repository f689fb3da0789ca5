"""From a catalogue, a virtual machine and a platform to the guest ABI.

Pure: no file, host, clock or environment is looked at from here.
"""
