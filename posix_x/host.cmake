# The parts of POSIX-X that need no process, and their unit tests.
include_directories(BEFORE ${CMAKE_SOURCE_DIR}/kernel/host/machine)
exo_library(posix_x_host
    HOST_SOURCES inotify_queue.cpp line_discipline.cpp pending_signals.cpp pi_graph.cpp script.cpp string_block.cpp
    DEPENDS kernel_host sched)
set_target_properties(exo_posix_x_host PROPERTIES CXX_CLANG_TIDY "")  # tidy-kernel checks them
exo_test(posix_x_test
    SOURCES inotify_queue_test.cpp line_discipline_test.cpp pending_signals_test.cpp pi_graph_test.cpp script_test.cpp string_block_test.cpp
    DEPENDS posix_x_host)
exo_fuzz(line_discipline_fuzz SOURCES line_discipline_fuzz.cpp DEPENDS posix_x_host)
exo_fuzz(script_fuzz SOURCES script_fuzz.cpp DEPENDS posix_x_host)
