#include "codec.h"

#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "fail.h"

/* Memory for `count` things of `size` bytes, all 0, or fails. */
static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) fail(EXIT_FILE, "out of memory");
  return memory;
}

/* Finds a function of a module that is tested; null if there is none. */
static void *find(husk_module *module, const char *name) {
  void *address;
  return husk_symbol(module, name, &address) == HUSK_OK ? address : NULL;
}

/* Whether a module is one that this firmware can use: a block of silence must come back as it was. */
static int test_codec(void *user, husk_module *module) {
  (void)user;
  enum { BLOCK_SIZE = 256, FRAMES = 505 };
  void *addresses[] = {find(module, "adpcm_interface"), find(module, "adpcm_encode_block"),
                       find(module, "adpcm_decode_block")};
  for (int i = 0; i < 3; i++)
    if (addresses[i] == NULL) return 1;
  adpcm_interface_fn *interface;
  adpcm_encode_block_fn *encode;
  adpcm_decode_block_fn *decode;
  memcpy(&interface, &addresses[0], sizeof interface);
  memcpy(&encode, &addresses[1], sizeof encode);
  memcpy(&decode, &addresses[2], sizeof decode);
  if (interface() != ADPCM_INTERFACE) return 2;
  int16_t before[FRAMES] = {0}, after[FRAMES];
  uint8_t block[BLOCK_SIZE];
  if (encode(1, before, FRAMES, block, BLOCK_SIZE) != ADPCM_OK) return 3;
  if (decode(1, block, BLOCK_SIZE, BLOCK_SIZE, after, FRAMES) != ADPCM_OK) return 4;
  return memcmp(before, after, sizeof before) == 0 ? 0 : 5;
}

codec codec_load(husk_device *device) {
  codec codec = {.module = device_load(device, CODEC_MODULE, test_codec)};
  device_function(codec.module, CODEC_MODULE, "adpcm_frames_per_block", &codec.frames_per_block);
  device_function(codec.module, CODEC_MODULE, "adpcm_encode_block", &codec.encode_block);
  device_function(codec.module, CODEC_MODULE, "adpcm_decode_block", &codec.decode_block);
  return codec;
}

wav codec_parse(const char *path, const uint8_t *bytes, size_t size, uint16_t encoding) {
  wav file;
  wav_status status = wav_parse(bytes, size, &file);
  if (status != WAV_OK) fail(EXIT_FILE, "reading %s: %s", path, wav_status_string(status));
  if (file.encoding != encoding)
    fail(EXIT_FILE, "reading %s: not %s", path, encoding == WAV_PCM ? "16-bit PCM" : "IMA ADPCM");
  return file;
}

/* What Microsoft's encoder takes: about 23 ms of each channel in a block, whatever the rate. */
static uint16_t usual_block_size(const wav *pcm) {
  unsigned scale = pcm->rate < 22050 ? 1 : pcm->rate < 44100 ? 2 : 4;
  return (uint16_t)(256 * pcm->channels * scale);
}

wav codec_encode(const codec *codec, const wav *pcm) {
  wav out = *pcm;
  out.encoding = WAV_ADPCM;
  out.block_size = usual_block_size(pcm);
  out.frames_per_block = (uint16_t)codec->frames_per_block(pcm->channels, out.block_size);
  size_t blocks = (pcm->frames + (size_t)out.frames_per_block - 1) / out.frames_per_block;
  out.data_size = blocks * out.block_size;
  uint8_t *data = allocate(out.data_size, 1);
  int16_t *frames = allocate((size_t)out.frames_per_block * pcm->channels, sizeof *frames);

  for (size_t block = 0; block < blocks; block++) {
    size_t first = block * out.frames_per_block, left = pcm->frames - first;
    size_t count = left < out.frames_per_block ? left : out.frames_per_block;
    wav_samples_from_bytes(pcm->data + first * pcm->block_size, frames, count * pcm->channels);
    /* The last block is filled up with its last frame: silence could be a jump, which costs quality before it. */
    for (size_t i = count * pcm->channels; i < (size_t)out.frames_per_block * pcm->channels; i++)
      frames[i] = frames[i - pcm->channels];
    int status = codec->encode_block(pcm->channels, frames, out.frames_per_block, data + block * out.block_size,
                                     out.block_size);
    if (status != ADPCM_OK) fail(EXIT_MODULE, "%s cannot encode (adpcm status %d)", CODEC_MODULE, status);
  }
  free(frames);
  out.data = data;
  return out;
}

wav codec_decode(const codec *codec, const char *path, const wav *adpcm) {
  size_t frames_per_block = codec->frames_per_block(adpcm->channels, adpcm->block_size);
  if (frames_per_block == 0 || frames_per_block != adpcm->frames_per_block)
    fail(EXIT_FILE, "reading %s: %s", path, wav_status_string(WAV_MISMATCHED));
  wav out = *adpcm;
  out.encoding = WAV_PCM;
  out.block_size = (uint16_t)(2 * adpcm->channels);
  out.frames_per_block = 1;
  out.data_size = (size_t)adpcm->frames * out.block_size;
  uint8_t *data = allocate(out.data_size, 1);
  int16_t *frames = allocate(frames_per_block * adpcm->channels, sizeof *frames);

  for (size_t first = 0, at = 0; first < adpcm->frames; first += frames_per_block, at += adpcm->block_size) {
    int status = codec->decode_block(adpcm->channels, adpcm->data + at, adpcm->data_size - at, adpcm->block_size,
                                     frames, frames_per_block);
    if (status != ADPCM_OK)
      fail(EXIT_FILE, "reading %s: corrupt block %zu (adpcm status %d)", path, at / adpcm->block_size, status);
    size_t left = adpcm->frames - first, count = left < frames_per_block ? left : frames_per_block;
    wav_samples_to_bytes(frames, data + first * out.block_size, count * adpcm->channels);
  }
  free(frames);
  out.data = data;
  return out;
}
