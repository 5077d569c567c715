"""MLServer: a runtime of its own kind, in two worker processes."""

import asyncio

from encoder import Encoder
from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Embed(MLModel):
    async def load(self) -> bool:
        self.encoder = Encoder()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        vectors = await asyncio.to_thread(self.encoder.embed, texts)
        data = [value for vector in vectors for value in vector]
        output = ResponseOutput(name="embedding", shape=[len(vectors), len(vectors[0])], datatype="FP32", data=data)
        return InferenceResponse(model_name=self.name, outputs=[output])
