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

/* The descriptor of the flash folder. */
#define FLASH_DESCRIPTOR HUSK_INHERITED_FLASH

/* The modules that this firmware is made for. */
#define CODEC_MODULE "com.example.adpcm"
#define ACTIVITY_MODULE "com.example.activity"

/* The longest name of a module, in bytes. */
#define MODULE_NAME_MAX 127

/* Whether it is a reverse-DNS name: a-z, digits and hyphens between single dots. Such a name leaves no folder. */
bool is_module_name(const char *name);

/* Opens the session with the decryptor, or fails. */
husk_device *device_open(void);

/* Says that this boot is healthy, as whoever has come so far knows, and ends the session. A device on which the boot stages
 * aren't Husk's to update has nothing to be told. */
void device_close(husk_device *device);

/* Ends the use of the module store; for device_close. */
void device_close_store(void);

/*
 * Loads a module of the store, or fails. A new version is on trial: if it doesn't load or doesn't pass the test (which
 * may be null), the former one is loaded.
 */
husk_module *device_load(husk_device *device, const char *name, husk_self_test self_test);

/* Loads a module of the store for good, or says on standard error why it can't be loaded. */
void device_try_load(husk_device *device, const char *name);

/* Unloads a module that did what it should: if it was on trial, it is the good version now. */
void device_unload(husk_module *module);

/* Finds a function of a module, or fails. `pointer` is where the pointer to the function goes. */
void device_function(husk_module *module, const char *module_name, const char *name, void *pointer);

/* Calls `visit` for the name of each module in the store that can be loaded, in byte order, or fails. */
void device_list(husk_device *device, void (*visit)(const char *name));

#endif
