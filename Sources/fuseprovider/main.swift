import BootChain
import CStage

FuseProvider.run(stage_arguments(), count: Int(stage_argument_count()))
