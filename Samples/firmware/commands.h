/*
 * commands.h - what the firmware can do. Each command returns when all of it succeeded, and fails (fail.h) otherwise.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

/* Prints the modules in the store: which version is good, which on trial, and what happened to them. */
void command_modules(char **arguments);

/* FILE: installs a package, a grant or a status list. */
void command_install(char **arguments);

/* IN.wav OUT.wav: from PCM to IMA ADPCM. */
void command_encode(char **arguments);

/* IN.wav OUT.wav: from IMA ADPCM to PCM. */
void command_decode(char **arguments);

/* IN.wav: encodes and decodes, and prints what that saves and costs. */
void command_roundtrip(char **arguments);

/* IN.csv: prints what someone was doing, and when: start and end in seconds, activity, confidence from 0 to 1. */
void command_classify(char **arguments);

/* NAME: loads a module and prints what is known of it. */
void command_info(char **arguments);

/* Writes the device's identity to standard output. */
void command_identity(char **arguments);

/*
 * [--json]: loads the modules of the store that can be loaded, and prints which protections are in force and which
 * are not.
 */
void command_protections(char **arguments);

#endif
