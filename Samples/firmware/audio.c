/*
 * audio.c - the commands encode, decode and roundtrip.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"
#include "commands.h"
#include "device.h"
#include "file.h"

static void write_wav(const char *path, const wav *file) {
  uint8_t header[WAV_HEADER_MAX];
  size_t header_size = wav_write_header(file, header);
  write_output(path, header, header_size, file->data, file->data_size);
}

void command_encode(char **arguments) {
  contents in = read_input(arguments[0]);
  wav pcm = codec_parse(arguments[0], in.bytes, in.size, WAV_PCM);
  husk_device *device = device_open();
  codec codec = codec_load(device);
  wav adpcm = codec_encode(&codec, &pcm);
  write_wav(arguments[1], &adpcm);
  free((void *)adpcm.data);
  device_unload(codec.module);
  device_close(device);
  free(in.bytes);
}

void command_decode(char **arguments) {
  contents in = read_input(arguments[0]);
  wav adpcm = codec_parse(arguments[0], in.bytes, in.size, WAV_ADPCM);
  husk_device *device = device_open();
  codec codec = codec_load(device);
  wav pcm = codec_decode(&codec, arguments[0], &adpcm);
  write_wav(arguments[1], &pcm);
  free((void *)pcm.data);
  device_unload(codec.module);
  device_close(device);
  free(in.bytes);
}

/* Prints the signal-to-noise ratio of PCM after to PCM before, in decibels. */
static void print_snr(const wav *before, const wav *after) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < before->data_size; i += 2) {
    int16_t sample, other;
    wav_samples_from_bytes(before->data + i, &sample, 1);
    wav_samples_from_bytes(after->data + i, &other, 1);
    signal += (double)sample * sample;
    noise += (double)(sample - other) * (sample - other);
  }
  if (noise == 0)
    printf("snr: exact\n");
  else
    printf("snr: %.1f dB\n", 10 * log10(signal / noise));
}

void command_roundtrip(char **arguments) {
  contents in = read_input(arguments[0]);
  wav pcm = codec_parse(arguments[0], in.bytes, in.size, WAV_PCM);
  husk_device *device = device_open();
  codec codec = codec_load(device);
  wav adpcm = codec_encode(&codec, &pcm), again = codec_decode(&codec, arguments[0], &adpcm);
  printf("pcm: %zu bytes\n", pcm.data_size);
  printf("adpcm: %zu bytes\n", adpcm.data_size);
  printf("ratio: %.2f\n", (double)pcm.data_size / (double)adpcm.data_size);
  print_snr(&pcm, &again);
  free((void *)again.data);
  free((void *)adpcm.data);
  device_unload(codec.module);
  device_close(device);
  free(in.bytes);
}
