"""mmdet's configuration for a trunk: the common finetuning protocol (docs/method.md#coco-finetuning)."""

from __future__ import annotations

from codo.models.backbone import resnet_channels, scale_channels
from codo.models.box_head import count_convolutions
from codo.models.encoder import ModelSettings
from codo.models.normalization import IMAGENET

_TEMPLATE = '''\
"""{title} with the trunk in {weights}, 1x: 12 epochs of 16 images per step at a learning rate of 0.02.

For 2x: train_cfg = dict(max_epochs=24), and milestones=[16, 22] in the second scheduler.
auto_scale_lr scales the rate with the number of GPUs. SyncBN needs several GPUs: on one GPU replace it by BN.
mmengine has no precise BN: to follow the protocol exactly, recompute the running statistics before testing.
"""

_base_ = [
    "mmdet::_base_/models/{base}.py",
    "mmdet::_base_/datasets/{dataset}.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "mmdet::_base_/default_runtime.py",
]

load_from = "{{{{ fileDirname }}}}/{weights}"  # mmengine puts the folder of this file here
norm_cfg = dict(type="SyncBN", requires_grad=True)

model = dict(
    data_preprocessor=dict(  # RGB{statistics}, as in pretraining
        mean={mean}, std={std}, bgr_to_rgb=True
    ),
    backbone=dict(
        depth={depth},
        base_channels={planes},
        stem_channels=64,
        frozen_stages=-1,
        norm_cfg=norm_cfg,
        norm_eval=False,
        style="pytorch",  # stride in the 3x3 convolution
        init_cfg=None,  # otherwise mmdet downloads ImageNet weights first
    ),
    neck=dict(in_channels={channels}, out_channels={fpn}, norm_cfg={pyramid_norm}),
    rpn_head=dict(in_channels={fpn}, feat_channels={fpn}),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels={fpn}),
        bbox_head=dict(
            {box_head},
        ),
{mask_head}    ),
)

train_pipeline = [
    dict(type="LoadImageFromFile", backend_args=None),
    dict(type="LoadAnnotations", with_bbox=True{with_mask}),
    dict(type="RandomChoiceResize", scales=[(1333, side) for side in range(640, 801, 32)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=0.0001))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1),
]
auto_scale_lr = dict(enable=True, base_batch_size=16)
'''


def config(model: ModelSettings, weights: str, masks: bool) -> str:
    """The Python configuration of one detector.

    Args:
        model: Settings of the trunk, a ResNet.
        weights: Name of the file with the weights.
        masks: Mask R-CNN if true, else Faster R-CNN.
    """
    convolutions = count_convolutions(model.head)
    sizes = f"in_channels={model.fpn_channels}, fc_out_channels={model.head_dim}"
    if convolutions:
        kind = f'type="ConvFCBBoxHead", num_shared_convs={convolutions}, num_shared_fcs=1'
        kind = 'type="Shared4Conv1FCBBoxHead"' if convolutions == 4 else kind
        sizes = f"{sizes}, conv_out_channels={model.fpn_channels}"
        box_head = f"{kind},\n            {sizes},\n            norm_cfg=norm_cfg"
    else:
        box_head = sizes  # mmdet's default head of two layers
    mask_head = ""
    if masks:
        norm = ", norm_cfg=norm_cfg" if convolutions else ""
        mask_head = (
            f"        mask_roi_extractor=dict(out_channels={model.fpn_channels}),\n"
            f"        mask_head=dict(in_channels={model.fpn_channels}, conv_out_channels={model.fpn_channels}{norm}),\n"
        )
    own = model.normalization
    return _TEMPLATE.format(
        statistics=" and ImageNet's statistics" if own == IMAGENET else "",
        mean=[round(255 * value, 3) for value in own.mean],
        std=[round(255 * value, 3) for value in own.std],
        title="Mask R-CNN" if masks else "Faster R-CNN",
        weights=weights,
        base="mask-rcnn_r50_fpn" if masks else "faster-rcnn_r50_fpn",
        dataset="coco_instance" if masks else "coco_detection",
        depth=model.backbone.removeprefix("resnet"),
        planes=scale_channels(64, model.width),
        channels=list(resnet_channels(model.backbone, model.width)),
        fpn=model.fpn_channels,
        pyramid_norm="norm_cfg" if model.pyramid_norm else "None",
        box_head=box_head,
        mask_head=mask_head,
        with_mask=", with_mask=True" if masks else "",
    )
