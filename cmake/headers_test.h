// And of the tests.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "headers_library.h"
