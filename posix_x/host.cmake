# The parts of POSIX-X that need no process, and their unit tests.
include_directories(BEFORE ${CMAKE_SOURCE_DIR}/kernel/host/machine)
exo_library(posix_x_host HOST_SOURCES line_discipline.cpp pending_signals.cpp DEPENDS kernel_host)
exo_test(posix_x_test SOURCES line_discipline_test.cpp pending_signals_test.cpp
         DEPENDS posix_x_host)
