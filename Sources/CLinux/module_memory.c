#define _GNU_SOURCE
#include "linux_module_memory.h"

#include "linux_messages.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

struct search {
  const struct link_map *map;
  int wants_execute_only;
  linux_module_memory *memory;
  int result;
};

// The pages that a segment lies in.
typedef struct {
  uintptr_t start;
  uintptr_t end;
} pages;

static pages pages_of(const struct dl_phdr_info *info, const ElfW(Phdr) *segment) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t start = info->dlpi_addr + segment->p_vaddr;
  return (pages){start & ~(page - 1), (start + segment->p_memsz + page - 1) & ~(page - 1)};
}

static int can_be_read(uintptr_t address) {
  int from, to;
  if (linux_pipe(&from, &to) != 0) return 1;  // can't tell: assume the worst
  ssize_t written = write(to, (const void *)address, 1);
  int is_refused = written < 0 && errno == EFAULT;
  close(from);
  close(to);
  return !is_refused;
}

// mprotect(2) takes away the page flag that makes branch targets checked, unless it is set again.
static int branch_protection(const struct dl_phdr_info *info) {
#if defined(__aarch64__) && defined(PROT_BTI) && defined(HWCAP2_BTI)
  if ((getauxval(AT_HWCAP2) & HWCAP2_BTI) == 0) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_GNU_PROPERTY) continue;
    // A note of one property at least: its header and name, then type, size and bits.
    const uint32_t *words = (const uint32_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    size_t count = info->dlpi_phdr[i].p_memsz / sizeof *words;
    for (size_t at = 4; at + 2 < count; at += 2 + (words[at + 1] + 7) / 8 * 2) {
      if (words[at] == GNU_PROPERTY_AARCH64_FEATURE_1_AND)
        return (words[at + 2] & GNU_PROPERTY_AARCH64_FEATURE_1_BTI) != 0 ? PROT_BTI : 0;
    }
  }
#else
  (void)info;
#endif
  return 0;
}

// Whether one of the tables that a dynamic table points to begins in these pages.
static int holds_dynamic_tables(const struct search *search, pages text) {
  for (const ElfW(Dyn) *entry = search->map->l_ld; entry->d_tag != DT_NULL; entry++) {
    switch (entry->d_tag) {
      case DT_HASH: case DT_GNU_HASH: case DT_STRTAB: case DT_SYMTAB: case DT_RELA: case DT_REL: case DT_JMPREL:
      case DT_VERSYM: case DT_VERNEED: case DT_VERDEF: case DT_INIT_ARRAY: case DT_FINI_ARRAY: {
        // The dynamic linker makes addresses of some of these offsets, in place.
        uintptr_t address = entry->d_un.d_ptr;
        if (address < search->map->l_addr) address += search->map->l_addr;
        if (text.start <= address && address < text.end) return 1;
        break;
      }
      default: break;
    }
  }
  return 0;
}

// Whether the pages of code hold what the dynamic linker, unwinding or a debugger's interface reads.
static int holds_tables(const struct search *search, const struct dl_phdr_info *info, const ElfW(Phdr) *code) {
  pages text = pages_of(info, code);
  if (code->p_offset == 0 || (code->p_flags & PF_W) != 0) return 1;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *other = &info->dlpi_phdr[i];
    if (other == code || other->p_type == PT_GNU_STACK || other->p_memsz == 0) continue;
    pages place = pages_of(info, other);
    if (place.start < text.end && text.start < place.end) return 1;
  }
  return holds_dynamic_tables(search, text);
}

static int is_code(const ElfW(Phdr) *segment) { return segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0; }

static int protect_code(const struct dl_phdr_info *info, int protection) {
  int result = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (!is_code(&info->dlpi_phdr[i])) continue;
    pages text = pages_of(info, &info->dlpi_phdr[i]);
    if (mprotect((void *)text.start, text.end - text.start, protection) != 0) result = -1;
  }
  return result;
}

static int make_execute_only(const struct search *search, const struct dl_phdr_info *info) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (is_code(segment) && holds_tables(search, info, segment)) return LINUX_EXECUTE_ONLY_TABLES_IN_TEXT;
  }
  int protection = PROT_EXEC | branch_protection(info);
  int is_refused = protect_code(info, protection) == 0;
  for (int i = 0; i < info->dlpi_phnum && is_refused; i++) {
    if (!is_code(&info->dlpi_phdr[i])) continue;
    pages text = pages_of(info, &info->dlpi_phdr[i]);
    is_refused = !can_be_read(text.start) && !can_be_read(text.end - 1);
  }
  if (is_refused) return LINUX_EXECUTE_ONLY_ACTIVE;
  (void)protect_code(info, PROT_READ | protection);
  return LINUX_EXECUTE_ONLY_UNSUPPORTED;
}

static int protect(struct dl_phdr_info *info, size_t size, void *data) {
  struct search *search = data;
  linux_module_memory *memory = search->memory;
  (void)size;
  // Load address and name together tell objects apart: the name is the very string of the link map.
  if (info->dlpi_addr != search->map->l_addr || info->dlpi_name != search->map->l_name) return 0;
  search->result = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    pages segment = pages_of(info, &info->dlpi_phdr[i]);
    void *start = (void *)segment.start;
    if (madvise(start, segment.end - segment.start, MADV_DONTDUMP) != 0) search->result = -1;
    if (mlock(start, segment.end - segment.start) != 0) memory->lock_error = errno;
    if (memory->end == 0) memory->start = segment.start;
    memory->end = segment.end;
  }
  if (memory->end == 0) search->result = -1;
  if (search->wants_execute_only) memory->execute_only = make_execute_only(search, info);
  return 1;
}

int linux_protect_module(uintptr_t number, int wants_execute_only, linux_module_memory *memory) {
  *memory = (linux_module_memory){0};
  struct search search = {(const struct link_map *)number, wants_execute_only, memory, -1};
  dl_iterate_phdr(protect, &search);
  return search.result;
}
