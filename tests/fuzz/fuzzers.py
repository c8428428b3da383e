"""What hours.py and minimise.py know of the fuzz targets: their names, and what their programs are started with."""
import os

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
targets = sorted(name[:-2] for name in os.listdir(tests + "/fuzz") if name.startswith("fuzz_") and name.endswith(".c"))
environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", UBSAN_OPTIONS="print_stacktrace=1",
                   LSAN_OPTIONS=f"suppressions={tests}/support/lsan.supp:print_suppressions=0")
