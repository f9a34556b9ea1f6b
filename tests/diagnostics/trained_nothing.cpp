// expect: trainer: Trained names no weight of the model
// axis: w2_scale
#include "cria/model/decoder.hpp"
#include "cria/run/trainer.hpp"

using namespace cria;

struct w2_scale { static constexpr char name[] = "w2_scale"; };

using open = trainer<llama2::decoder<llama2::config_stories260k>, policy::exact<>, keep::dear, train_weights::only<w2_scale>>;
int const width = open::width;
