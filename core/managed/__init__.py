"""Servers that this program starts and watches: model servers, dashboards, web interfaces. Each is a job of core/processes that outlives
the program, listens on loopback, and has one row in the database that says what it is meant to be."""
