# find_package(Husk) gives two targets:
#   Husk::husk         libhusk.a, all that a firmware needs in one file
#   Husk::husk_shared  libhusk.so
get_filename_component(_husk_folder "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET Husk::husk)
  add_library(Husk::husk STATIC IMPORTED)
  set_target_properties(Husk::husk PROPERTIES
    IMPORTED_LOCATION "${_husk_folder}/lib/libhusk.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_husk_folder}/include")

  add_library(Husk::husk_shared SHARED IMPORTED)
  set_target_properties(Husk::husk_shared PROPERTIES
    IMPORTED_LOCATION "${_husk_folder}/lib/libhusk.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_husk_folder}/include")
endif()

unset(_husk_folder)
