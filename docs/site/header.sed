# What doxygen sees of a header: the comment at its head is the file's, a comment behind a member is the member's, and
# "et al." ends no sentence.
1s,^#pragma once$,/// @file,
2,/^\(#include\|namespace\|$\)/s,^// ,/// ,
/^struct .*{$/,/^};/s,^\(  [^ /].*;\)  *// ,\1  ///< ,
s,et al\. ,et al.\\ ,g
