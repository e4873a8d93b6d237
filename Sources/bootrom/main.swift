import BootChain
import CStage

BootROM.run(stage_arguments(), count: Int(stage_argument_count()))
