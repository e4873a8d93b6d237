#include "husk.h"

const char *husk_event_string(uint32_t kind) {
  switch (kind) {
    case HUSK_EVENT_INSTALLED: return "installed";
    case HUSK_EVENT_TRIED: return "tried";
    case HUSK_EVENT_REFUSED: return "refused";
    case HUSK_EVENT_PERMANENT: return "confirmed";
    case HUSK_EVENT_ABANDONED: return "abandoned";
    case HUSK_EVENT_FELL_BACK: return "fallen back to";
    case HUSK_EVENT_SELF_TEST_FAILED: return "failed its self-test";
    default: return "unknown event";
  }
}
