"""CP-LLM in the form of transformers. Importing this package makes `cpllm` known to the Auto classes."""

from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, AutoProcessor, AutoVideoProcessor

from lmms_cpllm.model.assemble import assemble
from lmms_cpllm.model.configuration_cpllm import CPLLMConfig
from lmms_cpllm.model.folding import fold_towers, folded_towers
from lmms_cpllm.model.loading import load
from lmms_cpllm.model.modeling_cpllm import CPLLMForConditionalGeneration, CPLLMModel
from lmms_cpllm.model.processing_cpllm import CPLLMProcessor
from lmms_cpllm.model.video_processing_cpllm import CPLLMVideoProcessor

AutoConfig.register(CPLLMConfig.model_type, CPLLMConfig)
AutoModel.register(CPLLMConfig, CPLLMModel)
AutoModelForImageTextToText.register(CPLLMConfig, CPLLMForConditionalGeneration)
AutoVideoProcessor.register(CPLLMConfig, CPLLMVideoProcessor)
AutoProcessor.register(CPLLMConfig, CPLLMProcessor)

__all__ = [
    "CPLLMConfig",
    "CPLLMForConditionalGeneration",
    "CPLLMModel",
    "CPLLMProcessor",
    "CPLLMVideoProcessor",
    "assemble",
    "fold_towers",
    "folded_towers",
    "load",
]
