/*
 * codec.h - whole WAV files through the codec module, block by block.
 */
#ifndef CODEC_H
#define CODEC_H

#include "adpcm.h"
#include "husk.h"
#include "wav.h"

/* The codec module's functions. */
typedef struct {
  husk_module *module;
  adpcm_frames_per_block_fn *frames_per_block;
  adpcm_encode_block_fn *encode_block;
  adpcm_decode_block_fn *decode_block;
} codec;

/* Loads the codec module, or fails. Give it back with device_unload(codec.module). */
codec codec_load(husk_device *device);

/*
 * Reads a WAV file in memory, or fails if it isn't one or isn't in the encoding wanted (WAV_PCM or WAV_ADPCM).
 * `path` is for the message.
 */
wav codec_parse(const char *path, const uint8_t *bytes, size_t size, uint16_t encoding);

/* Encodes PCM, or fails. The data of what is returned is the caller's to free. */
wav codec_encode(const codec *codec, const wav *pcm);

/* Decodes ADPCM, or fails. `path` is for the message. The data of what is returned is the caller's to free. */
wav codec_decode(const codec *codec, const char *path, const wav *adpcm);

#endif
