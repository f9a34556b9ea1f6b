# What doxygen sees of a header: the comment at its head is the file's, and "et al." ends no sentence.
1s,^#pragma once$,/// @file,
2,/^\(#include\|namespace\|$\)/s,^// ,/// ,
s,et al\. ,et al.\\ ,g
