// The command line of a stage: Embedded Swift has no CommandLine.
#ifndef CSTAGE_H
#define CSTAGE_H

/// The program's arguments, ending in a null pointer; valid and writable for ever.
char **stage_arguments(void);

/// How many there are.
int stage_argument_count(void);

#endif
