// The C contract of libhusk lives in include/husk.h; this file only makes the header a target.
