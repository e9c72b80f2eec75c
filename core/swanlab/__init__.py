"""SwanLab: its dashboard as a service, its experiments read back, its folders kept in order."""
