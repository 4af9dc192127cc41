# SPDX-License-Identifier: Apache-2.0
# Compiler and linker flags shared by every target.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlapping copies in `"literal" + std::string` (GCC bug 105651).
  add_compile_options(-Wno-restrict)
endif()
if(LLMD_HARDENED)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
                      -fstack-clash-protection -fcf-protection)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(LLMD_SANITIZE)
  add_compile_options(-fsanitize=${LLMD_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LLMD_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12's stable_sort calls get_temporary_buffer, which it deprecates itself.
  add_compile_options(-Wno-deprecated-declarations)
endif()
