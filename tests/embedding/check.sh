#!/bin/bash
# check.sh SOURCE COMPILER [KOKKOS]: installs cria, and builds and runs a program of each folder beside this file as its users
# would: in a clean folder, knowing nothing of this repository but what was installed (or, as a subproject, the whole of it).
cd "$(dirname "$0")" || exit 2
here=$PWD source=$1 kokkos=${3:-}
export CXX=$2
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
passed=0 failed=0 skipped=0
model=$source/examples/models/stories260k
model=("$model/stories260K.bin" "$model/tok512.bin")

check() {  # check NAME COMMAND...
  local start=$SECONDS status
  (set -e; cd "$folder"; "${@:2}") > "$folder/log" 2>&1
  status=$?   # in an `if`, set -e would mean nothing
  if [ $status = 0 ]; then
    passed=$((passed + 1)); echo "$1: $((SECONDS - start)) s"
  else
    failed=$((failed + 1)); echo "$1: failed"; tail -n 40 "$folder/log"
  fi
}

install() {
  meson setup build-cria "$source" -Dprograms=false "-Dkokkos=$kokkos" --prefix "$folder/installed" --libdir lib
  meson install -C build-cria
  diff -r "$source/include/cria" installed/include/cria
}

with_pkg_config() {
  cp -r "$here/pkgconfig" . && cd pkgconfig
  sh build.sh
  ./main
}

with_meson() {
  cp -r "$here/meson" . && cd meson
  meson setup build
  ninja -C build
  build/main
}

with_cmake() {
  cp -r "$here/cmake" . && cd cmake
  # -O1 to be quick; -Werror because a package's headers are no system headers to all
  cmake -G Ninja -B build -S . -DCMAKE_PREFIX_PATH="$folder/installed" -DKokkos_ROOT="$kokkos" \
    -DCMAKE_CXX_FLAGS='-O1 -Wall -Wextra -Wconversion -Wshadow -Werror'
  cmake --build build
  build/main "${model[@]}"
  build/tokens "${model[1]}"
  # Kernels, which take the members of a crew, are in model.cpp alone.
  nm -C build/CMakeFiles/main.dir/model.cpp.o | grep -q crew_member
  nm -C build/CMakeFiles/main.dir/main.cpp.o | grep -q 'U cria::session<.*>::run('
  if nm -C build/CMakeFiles/main.dir/main.cpp.o | grep crew_member; then false; fi
  # Another interface is refused, and what has no Kokkos can still have the rest.
  mkdir other && cd other
  printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(other CXX)' 'find_package(cria 0.2 QUIET)' \
    'if(cria_FOUND)' 'message(FATAL_ERROR "0.2 is not what is installed")' 'endif()' \
    'find_package(cria 0.1 REQUIRED COMPONENTS io)' \
    'if(TARGET cria::cria OR NOT TARGET cria::io)' 'message(FATAL_ERROR "io alone was asked for")' 'endif()' > CMakeLists.txt
  cmake -G Ninja -B build -S . -DCMAKE_PREFIX_PATH="$folder/installed"
}

as_subproject() {
  cp -r "$here/subproject" . && cd subproject
  mkdir subprojects && ln -s "$source" subprojects/cria
  PKG_CONFIG_PATH='' meson setup build --wrap-mode forcefallback "-Dcria:kokkos=$kokkos"
  ninja -C build main
  build/main "${model[@]}"
  if ninja -C build -t targets all | grep -E '^subprojects/cria/.*: (cpp|CUSTOM)'; then false; fi   # its programs and tests
}

versions_agree() {  # all of them from meson.build
  local version; version=$(sed -n "1s/.*, version: '\([^']*\)'.*/\1/p" "$source/meson.build")
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
  [ "$(pkg-config --modversion cria cria-io)" = "$version"$'\n'"$version" ]
  grep -qF "PACKAGE_VERSION \"$version\"" installed/share/cmake/cria/cria-config-version.cmake
}

export PKG_CONFIG_PATH=$folder/installed/lib/pkgconfig LD_LIBRARY_PATH=${kokkos:+$kokkos/lib:}${LD_LIBRARY_PATH:-}
check 'meson install' install
check 'one version' versions_agree
check 'pkg-config' with_pkg_config
check 'Meson, installed' with_meson
check 'Meson, as a subproject' as_subproject
if command -v cmake >/dev/null; then check 'CMake' with_cmake; else echo 'CMake is not installed'; skipped=1; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
