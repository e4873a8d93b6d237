#include "husk.h"

int husk_version_number(void) { return HUSK_VERSION; }

const char *husk_version(void) { return HUSK_VERSION_STRING; }
