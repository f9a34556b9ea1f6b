// expect: trainer: a weight stored in blocks cannot be trained, leave it out of Trained
// axis: config_stories260k
#include "cria/model/decoder.hpp"
#include "cria/run/trainer.hpp"

using namespace cria;

using open = trainer<llama2::decoder<llama2::config_stories260k>, policy::exact<formats<q8_0>>>;
int const width = open::width;
