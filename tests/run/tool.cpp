// A tool in the sense of Kokkos Tools: writes to the file CRIA_TOOL_SAYS what it is told, a line for each event.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {
std::FILE* file;
std::uint64_t calls;
struct space {
  char name[64];
};
struct settings {
  bool requires_global_fencing, unused[255];
};
void says(char const* what, char const* name) { std::fprintf(file, "%s|%s|\n", what, name); }
}  // namespace

extern "C" {
void kokkosp_init_library(int, std::uint64_t, std::uint32_t, void*) {
  char const* const name = std::getenv("CRIA_TOOL_SAYS");
  file = name != nullptr ? std::fopen(name, "w") : nullptr;
  if (file == nullptr) std::abort();
}
void kokkosp_request_tool_settings(std::uint32_t, settings* s) { s->requires_global_fencing = false; }
void kokkosp_finalize_library() { std::fclose(file); }
void kokkosp_begin_parallel_for(char const* name, std::uint32_t, std::uint64_t* id) { *id = ++calls, says("for", name); }
void kokkosp_end_parallel_for(std::uint64_t) {}
void kokkosp_begin_parallel_reduce(char const* name, std::uint32_t, std::uint64_t* id) { *id = ++calls, says("reduce", name); }
void kokkosp_end_parallel_reduce(std::uint64_t) {}
void kokkosp_begin_parallel_scan(char const* name, std::uint32_t, std::uint64_t* id) { *id = ++calls, says("scan", name); }
void kokkosp_end_parallel_scan(std::uint64_t) {}
void kokkosp_push_profile_region(char const* name) { says("push", name); }
void kokkosp_pop_profile_region() { says("pop", ""); }
void kokkosp_allocate_data(space, char const* label, void const* memory, std::uint64_t) {
  std::fprintf(file, "allocate|%s|%p\n", label, memory);
}
void kokkosp_deallocate_data(space, char const* label, void const* memory, std::uint64_t) {
  std::fprintf(file, "free|%s|%p\n", label, memory);
}
void kokkosp_begin_fence(char const* name, std::uint32_t device, std::uint64_t* id) {
  bool const global = (device & 0x1ffff) == 0;  // the bits of the instance: 0 stands for all
  *id = ++calls, says(global ? "fence of all" : "fence", name);
}
void kokkosp_end_fence(std::uint64_t) {}
}
