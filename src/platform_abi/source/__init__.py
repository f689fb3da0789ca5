"""A virtual machine as people have it: a command line, a domain XML, a configuration of Proxmox."""
