/*
 * device.h - what the boot chain hands over, and modules by name. All conventions of the device stand here.
 *
 * The firmware starts with an empty environment, in the device's data folder, with two descriptors: the socket to the
 * decryptor (HUSK_INHERITED_SOCKET) and the flash folder.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>

#include "husk.h"

/* The descriptor of the flash folder, and where in it packages, grants and status lists are. */
#define FLASH_DESCRIPTOR 4
#define FLASH_MODULES "modules"
#define FLASH_GRANTS "grants"
#define FLASH_STATUS "status"
#define PACKAGE_SUFFIX ".husk"
#define GRANT_SUFFIX ".grant"
#define STATUS_SUFFIX ".status"

/* The modules that this firmware is made for. */
#define CODEC_MODULE "com.example.adpcm"
#define ACTIVITY_MODULE "com.example.activity"

/* The longest name of a module, in bytes. */
#define MODULE_NAME_MAX 127

/* Whether it is a reverse-DNS name: a-z, digits and hyphens between single dots. Such a name leaves no folder. */
bool is_module_name(const char *name);

/* Opens the session with the decryptor and shows it the status lists of the flash folder, or fails. */
husk_device *device_open(void);

/* Says that this boot is healthy, as whoever has come so far knows, and ends the session. A device on which the boot stages
 * aren't Husk's to update has nothing to be told. */
void device_close(husk_device *device);

/* Shows the decryptor every status list of the flash folder. What it doesn't take is reported on standard error. */
void device_show_status_lists(husk_device *device);

/* Loads a module of the flash folder, or fails. */
husk_module *device_load(husk_device *device, const char *name);

/* Finds a function of a module, or fails. `pointer` is where the pointer to the function goes. */
void device_function(husk_module *module, const char *module_name, const char *name, void *pointer);

/* Calls `visit` for the name of each package in the flash folder, in byte order, or fails. */
void device_list(void (*visit)(const char *name, bool has_grant));

#endif
