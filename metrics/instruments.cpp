#include "metrics/instruments.hpp"
