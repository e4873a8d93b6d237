# find_package(Husk) gives three targets, of which a program links one:
#   Husk::husk               libhusk.a, all that a firmware needs in one file
#   Husk::husk_shared        libhusk.so, without the module store
#   Husk::husk_store_shared  libhusk-store.so, with it
get_filename_component(_husk_folder "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET Husk::husk)
  add_library(Husk::husk STATIC IMPORTED)
  set_target_properties(Husk::husk PROPERTIES
    IMPORTED_LOCATION "${_husk_folder}/lib/libhusk.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_husk_folder}/include")

  foreach(_husk_library husk husk-store)
    string(REPLACE "-" "_" _husk_target "${_husk_library}")
    add_library(Husk::${_husk_target}_shared SHARED IMPORTED)
    set_target_properties(Husk::${_husk_target}_shared PROPERTIES
      IMPORTED_LOCATION "${_husk_folder}/lib/lib${_husk_library}.so"
      INTERFACE_INCLUDE_DIRECTORIES "${_husk_folder}/include")
  endforeach()
endif()

unset(_husk_folder)
