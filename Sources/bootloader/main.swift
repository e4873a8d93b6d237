import BootChain
import CStage

Bootloader.run(stage_arguments())
