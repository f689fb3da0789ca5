"""A migration tried here and now, without the guest: by two paused QEMUs, with stand-ins."""
