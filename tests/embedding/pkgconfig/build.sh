#!/bin/sh
# With a compiler and pkg-config.
set -e
${CXX:-c++} -std=c++20 -O1 main.cpp -o main $(pkg-config --cflags --libs cria)
