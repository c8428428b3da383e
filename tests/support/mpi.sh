# Sourced: sets `mpis` to the MPIs of this machine, as suffixes of Debian's names (mpicc.mpich, mpirun.mpich); skips the test without one.
mpis=
for mpi in mpich openmpi; do command -v mpicc.$mpi mpirun.$mpi >/dev/null && mpis="$mpis $mpi"; done
[ -n "$mpis" ] || { echo "SKIP $(basename "$0" .sh): neither mpicc.mpich nor mpicc.openmpi is installed (make deps-test)"; exit 77; }
case ${MOODCAST_BIN:-build/bin} in *asan*|*tsan*) echo "SKIP $(basename "$0" .sh): MPI keeps memory to itself, which the sanitizers report"; exit 77 ;; esac
# Where the build for mpich lies: build/mpi.mpich$mpi_mode.
case ${MOODCAST_BIN:-build/bin} in *coverage*) export MODE=coverage mpi_mode=-coverage ;; *) mpi_mode= ;; esac
# Open MPI asks whether that is wanted: ranks of root, and more of them than processors.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
build_mpi() { make --no-print-directory -s MPI=1 MPICC="mpicc.$1" programs "build/mpi.$1$mpi_mode/tests/test_comm" >/dev/null; }
ranks() { local mpi=$1 n=$2; shift 2; timeout 120 "mpirun.$mpi" -n "$n" "$@" </dev/null; }
