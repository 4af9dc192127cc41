# SPDX-License-Identifier: Apache-2.0
# Compiler and linker flags shared by every target.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
# Asio is compiled once, in net/asio.cc; every other user sees declarations only.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                        BOOST_ASIO_DISABLE_BOOST_DATE_TIME)

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
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND LLMD_SANITIZE MATCHES "thread")
  # g++ warns about atomic_thread_fence inside Asio, which ThreadSanitizer does not model.
  add_compile_options(-Wno-tsan)
endif()
