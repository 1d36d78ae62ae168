#!/bin/sh
# Stands in for the textbook server: a program that says where a server in the test's own process listens.
echo "listening on tcp://$FAKE_SERVER"
exec sleep 600
